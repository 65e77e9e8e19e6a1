// The launcher is plain JavaScript, as it runs before any dependency is there; this tells its tests the types.
export type Command = { about: string; example: string; run: string[][]; json?: true; stays?: true; console?: true }
export const COMMANDS: Record<string, Command>
export function helpText(): string
