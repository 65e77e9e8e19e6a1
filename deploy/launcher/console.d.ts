export function consoleReady(root: string): boolean
export function buildConsole(root: string, node: string, onSpawn?: (pid: number) => void): Promise<void>
