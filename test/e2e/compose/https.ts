import { request as requestHttps } from 'node:https'

export interface Call {
  readonly method?: string
  readonly bearer?: string
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string>>
  /** Client certificate. */
  readonly certificate?: { readonly certificatePem: string; readonly keyPem: string }
}

export interface Answer {
  readonly status: number
  readonly body: Record<string, never> & Record<string, unknown>
}

/** One request on a connection of its own, trusting `caPem` alone. */
export function call(caPem: string, url: string, input: Call = {}): Promise<Answer> {
  const body = input.form ? new URLSearchParams(input.form).toString() : input.json && JSON.stringify(input.json)
  const headers: Record<string, string> = {
    ...(input.form && { 'content-type': 'application/x-www-form-urlencoded' }),
    ...(input.json !== undefined && { 'content-type': 'application/json' }),
    ...(input.bearer && { authorization: `Bearer ${input.bearer}` }),
  }
  const options = {
    method: input.method ?? (body ? 'POST' : 'GET'),
    headers,
    ca: caPem,
    agent: false as const,
    timeout: 10_000,
    ...(input.certificate && { cert: input.certificate.certificatePem, key: input.certificate.keyPem }),
  }
  return new Promise((resolve, reject) => {
    const request = requestHttps(url, options, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        try {
          resolve({ status: response.statusCode ?? 0, body: text ? JSON.parse(text) : {} })
        } catch {
          reject(new Error(`${url} answered ${response.statusCode} with what is not JSON`))
        }
      })
    })
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within 10 s`)))
    request.on('error', reject)
    request.end(body)
  })
}
