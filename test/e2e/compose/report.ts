// The account of a run: for people a line with a mark a step, for programs (`--json`) one JSON object a line.

export interface Report {
  chapter(title: string): void
  /** Runs a step; what it returns is said beside its title. A step that throws ends the run. */
  step(title: string, work: () => Promise<string | undefined>): Promise<void>
  readonly passed: number
}

export function createReport(json: boolean, write: (line: string) => void): Report {
  let passed = 0
  const tell = (step: string, ok: boolean, ms: number, said: string | undefined): void => {
    const time = ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms} ms`
    if (json) write(JSON.stringify({ step, ok, ms, ...(said && { said }) }))
    else write(`  ${ok ? '✓' : '✗'} ${step}${said ? `  · ${said}` : ''}  (${time})`)
  }
  return {
    get passed() {
      return passed
    },
    chapter(title) {
      if (!json) write(`\n${title}`)
    },
    async step(title, work) {
      const start = performance.now()
      try {
        const said = await work()
        passed++
        tell(title, true, Math.round(performance.now() - start), said)
      } catch (error) {
        const { stderr, message } = error as { stderr?: string; message: string }
        tell(title, false, Math.round(performance.now() - start), (stderr?.trim() || message).slice(0, 2_000))
        throw error
      }
    },
  }
}
