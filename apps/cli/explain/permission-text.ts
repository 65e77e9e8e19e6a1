/** What a token may, a line for each entry; for people. */
export function permissionLines(claims: Readonly<Record<string, unknown>>): string[] {
  const scope = typeof claims['scope'] === 'string' ? claims['scope'].split(' ').filter(Boolean) : []
  const details = Array.isArray(claims['authorization_details']) ? (claims['authorization_details'] as Detail[]) : []
  return [...scope, ...details.map(describe)]
}

type Detail = Readonly<Record<string, unknown>>

/** The types that Mayfly has (docs/reference/permission-types.md); of others the JSON. */
function describe(detail: Detail): string {
  const at = `at ${list(detail['locations'])}`
  switch (detail['type']) {
    case 'agent_http':
      return `${list(detail['methods'])} ${detail['uri_template']} ${at}${detail['content_digest'] ? ', with one body only' : ''}`
    case 'agent_row':
      return `${list(detail['actions'])} ${detail['identifier']} ${at}`
    case 'agent_tool':
      return `call ${list(detail['actions'])} ${at}${detail['arguments'] ? `, with ${JSON.stringify(detail['arguments'])}` : ''}`
    default:
      return JSON.stringify(detail)
  }
}

const list = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value))
