// The launcher is plain JavaScript, as it runs before any dependency is there; this tells its tests the types.
export type Runtime = { name: string; version: string; integrity: string }
export const LEAST_MAJOR: number
export const RUNTIMES: Record<string, Runtime>
export function isNewEnough(version: string): boolean
export function getRuntime(platform: string, table?: Record<string, Runtime>): Runtime
export function runtimePath(root: string, runtime: Runtime): string
export function bringRuntime(root: string, runtime: Runtime, onSpawn: (pid: number) => void): Promise<void>
