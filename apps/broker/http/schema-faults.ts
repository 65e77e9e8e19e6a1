import type { ValidationProblem } from '#core/errors/validation-error.ts'

/** What a schema validator reports, in the form that TypeBox and Ajv share. */
export interface SchemaFault {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params?: Readonly<Record<string, unknown>>
}

const MAX_PROBLEMS = 50

/** One problem for each fault that a caller can mend, with a pointer to the member concerned. Never quotes a value. */
export function describeFaults(faults: readonly SchemaFault[]): ValidationProblem[] {
  const problems = faults.flatMap(describe)
  const seen = new Set<string>()
  const distinct = problems.filter(problem => {
    const key = `${problem.pointer} ${problem.detail}`
    return seen.has(key) ? false : seen.add(key)
  })
  return distinct.slice(0, MAX_PROBLEMS)
}

function describe(fault: SchemaFault): ValidationProblem[] {
  const { keyword, instancePath: pointer, params = {} } = fault
  switch (keyword) {
    case 'required':
      return list(params['requiredProperties'] ?? params['missingProperty']).map(name =>
        at(`${pointer}/${name}`, 'This member is required.'),
      )
    case 'additionalProperties':
      return list(params['additionalProperties'] ?? params['additionalProperty']).map(name =>
        at(`${pointer}/${escapePointer(name)}`, 'This member is not known here.'),
      )
    case 'boolean': // the same fault a second time, as seen from the member
      return []
    case 'type':
      return [at(pointer, `This must be ${article(String(params['type']))}.`)]
    case 'enum':
      return [at(pointer, `This must be one of ${list(params['allowedValues']).join(', ')}.`)]
    case 'pattern':
      return [at(pointer, 'This has characters or a form that are not allowed here.')]
    default:
      return [at(pointer, `This ${fault.message ?? 'is not acceptable'}.`)]
  }
}

const at = (pointer: string, detail: string): ValidationProblem => ({ pointer, detail })
const list = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).slice(0, MAX_PROBLEMS).map(item => String(item).slice(0, 100))
const article = (type: string): string => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`)
const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
