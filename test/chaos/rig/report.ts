/** What a fault test measured, one line, where whoever runs it can see it; docs/reference/failing.md quotes such lines. */
export function report(fault: string, figures: object): void {
  const rounded = JSON.stringify(figures, (_key, value) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value))
  process.stderr.write(`${fault} ${rounded}\n`)
}
