// What a row of the table of operations says, and the rows that every kind has.

import type { Example, Option } from '../command.ts'

/** A flag that becomes a member of the body, or of the query. */
export interface BodyFlag extends Option {
  readonly member: string
  /** How the text becomes the member: `duration` takes 90s, 15m, 12h, 30d; `list` commas; `number` a whole number. Default: as it is. */
  readonly as?: 'text' | 'duration' | 'list' | 'number'
  /** It takes an id, or a name that is looked up like one in a path. */
  readonly names?: PathPart
}

/** A part of the path. */
export interface PathPart {
  /** As in the broker's OpenAPI document: `id`. */
  readonly parameter: string
  /** As in help texts: `agent`. */
  readonly argument: string
  /** Collection in which a name is looked up; without it only the id will do. */
  readonly within?: string
  /** Members that may name it, beside its id. */
  readonly by?: readonly string[]
  /** May be left out: the caller's own tenant. */
  readonly own?: true
}

/** One operation of `/v1` as a command. */
export interface Operation {
  /** The command's words. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As in the OpenAPI document: `/v1/agents/{id}`. */
  readonly path: string
  readonly summary: string
  readonly about?: string
  readonly parts?: readonly PathPart[]
  /** `list` has pages; `thing` has members; `secret` has a member `token` that is shown once; `nothing` has no body. */
  readonly answer: 'list' | 'thing' | 'secret' | 'nothing'
  /** Members shown in tables. */
  readonly columns?: readonly string[]
  /** Whether it takes a body from `-f`. */
  readonly file?: true
  /** The body that no flag changes. */
  readonly body?: Readonly<Record<string, unknown>>
  /** Flags that make a body. */
  readonly flags?: Readonly<Record<string, BodyFlag>>
  /** Flags that filter a list. */
  readonly query?: Readonly<Record<string, BodyFlag>>
  /** Members that answers have and bodies have not, so that an answer can be sent back. */
  readonly shown?: readonly string[]
  /** Cannot be undone: asks first. */
  readonly asks?: true
  /** What is shown before it asks: the path of a thing, with the same parts. */
  readonly look?: string
  readonly examples: readonly Example[]
}

/** A registered kind, with the five usual operations. */
export interface Kind {
  /** `trust-sources`: word and path at once. */
  readonly plural: string
  /** `trust source` */
  readonly noun: string
  /** A name, for examples. */
  readonly example: string
  readonly columns: readonly string[]
  readonly by?: readonly string[]
  /** Members that only answers have, beside the usual ones. */
  readonly shown?: readonly string[]
}

/** Members that the broker adds to each. */
export const stamps = ['id', 'created_at', 'updated_at']

/** The path part that names a thing of a kind. */
export const partOf = ({ plural, noun, by = ['name'] }: Kind): PathPart => ({
  parameter: 'id',
  argument: noun.replaceAll(' ', '-'),
  within: `/v1/${plural}`,
  by,
})

const anAgent: PathPart = { parameter: 'id', argument: 'agent', within: '/v1/agents', by: ['name'] }

/** `--agent`, by id or name. */
export const agentFlag = (summary: string): BodyFlag => ({
  type: 'string',
  member: 'agent',
  value: 'AGENT',
  summary: `${summary}: its id or name`,
  names: anAgent,
})

type Rest = Omit<Operation, 'name' | 'method' | 'path' | 'summary'>

/** A row. operation: `GET /v1/agents/{id}`. */
export function row(name: string, operation: string, summary: string, rest: Rest): Operation {
  const [method, path] = operation.split(' ') as [Operation['method'], string]
  return { name, method, path, summary, ...rest }
}

const article = (noun: string): string => (/^[aeio]/.test(noun) ? 'an' : 'a')

/** List, get, create, update, delete. */
export function usualOperations(kind: Kind): Operation[] {
  const { plural, noun, example, columns } = kind
  const shown = [...stamps, ...(kind.shown ?? [])]
  const parts = [partOf(kind)]
  const file = `${noun.replaceAll(' ', '-')}.yaml`
  return [
    row(`${plural} list`, `GET /v1/${plural}`, `List ${noun}s`, {
      answer: 'list',
      columns,
      examples: [
        { text: 'the first fifty', command: `mayfly ${plural} list` },
        { text: 'every one, a line of JSON each', command: `mayfly ${plural} list --all --json` },
      ],
    }),
    row(`${plural} get`, `GET /v1/${plural}/{id}`, `Show one ${noun}`, {
      answer: 'thing',
      parts,
      examples: [{ text: 'to edit it, and send it back with update', command: `mayfly ${plural} get ${example} > ${file}` }],
    }),
    row(`${plural} create`, `POST /v1/${plural}`, `Register ${article(noun)} ${noun}`, {
      answer: 'thing',
      file: true,
      shown,
      examples: [
        { text: 'from a file, YAML or JSON', command: `mayfly ${plural} create -f ${file}` },
        { text: 'from another program', command: `generate-it | mayfly ${plural} create -f -` },
      ],
    }),
    row(`${plural} update`, `PUT /v1/${plural}/{id}`, `Replace one ${noun}`, {
      answer: 'thing',
      parts,
      file: true,
      shown,
      about: 'What the file does not say goes back to its default: a registration is replaced as a whole.',
      examples: [{ text: 'with what get wrote and you changed', command: `mayfly ${plural} update ${example} -f ${file}` }],
    }),
    row(`${plural} delete`, `DELETE /v1/${plural}/{id}`, `Delete one ${noun}`, {
      answer: 'nothing',
      parts,
      asks: true,
      examples: [{ text: 'without being asked', command: `mayfly ${plural} delete ${example} --yes` }],
    }),
  ]
}
