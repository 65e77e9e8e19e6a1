// Help pages, made of what commands say of themselves.

import type { Argument, Command, Option, Options } from './command.ts'
import { everywhere } from './parse-words.ts'

/** Which commands of the top level stand together, and how a group is headed. */
const sections: readonly (readonly [string, readonly string[]])[] = [
  ['Everyday', ['login', 'logout', 'whoami', 'apply', 'diff', 'token', 'run', 'account', 'explain', 'agent', 'hook']],
  [
    'Registered',
    [
      'tenants',
      'trust-sources',
      'agents',
      'resources',
      'connectors',
      'webhooks',
      'receivers',
      'streams',
      'sign-in-providers',
      'limits',
      'anonymous',
    ],
  ],
  ['When something is wrong', ['revoke', 'revocations']],
  ['The log', ['audit', 'log', 'restore', 'witness']],
  ['People, tokens and approval', ['operators', 'people', 'two-person', 'changes']],
  ['This broker and this command', ['bootstrap', 'keys', 'profile', 'completion']],
]

/** The page of a group of commands; '' is the whole of mayfly. */
export function groupHelp(commands: readonly Command[], group: string): string {
  return group === '' ? topHelp(commands) : subHelp(commands, group)
}

function topHelp(commands: readonly Command[]): string {
  const tops = [...new Set(commands.map(({ name }) => name.split(' ')[0]!))]
  const listed = sections.flatMap(([, names]) => names)
  const rest = tops.filter(name => !listed.includes(name))
  const shown = [...sections, ...(rest.length > 0 ? [['More', rest] as const] : [])]
  const lines = shown.flatMap(([title, names]) => [
    `${title}:`,
    ...columns(names.filter(name => tops.includes(name)).map(name => [name, topSummary(commands, name)])),
    '',
  ])
  return `mayfly: work with a Mayfly broker.

Usage: mayfly <command> [arguments] [flags]

${lines.join('\n')}
Examples:
  mayfly profile add work --url https://broker.example && mayfly login
  mayfly agents list
  mayfly apply -f mayfly.yaml --dry-run
  mayfly token --resource https://api.example.com/orders --scope orders:read | mayfly explain -
  mayfly run -- ./report.sh

Flags everywhere:
${columns([...flagRows(everywhere), ['--version', 'the version of mayfly']]).join('\n')}

Which broker: --profile, else MAYFLY_URL with MAYFLY_TOKEN (MAYFLY_TOKEN_FILE, MAYFLY_CA_FILE, MAYFLY_TENANT), else the current
profile, else the development broker of the project that you stand in (npm start).
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted. "mayfly <command> --help" says more.
`
}

function topSummary(commands: readonly Command[], top: string): string {
  const own = commands.find(({ name }) => name === top)
  if (own) return own.summary
  const inside = commands.filter(({ name }) => name.startsWith(`${top} `))
  const words = [...new Set(inside.map(({ name }) => name.split(' ')[1]!))]
  return inside.length === 1 ? `${words[0]}: ${inside[0]!.summary}` : words.join(', ')
}

function subHelp(commands: readonly Command[], group: string): string {
  const inside = commands.filter(({ name }) => name.startsWith(`${group} `))
  const examples = inside.flatMap(command => command.examples.slice(0, 1))
  return `Usage: mayfly ${group} <command> [arguments] [flags]

${columns(inside.map(command => [usageOf(command).slice(group.length + 1), command.summary])).join('\n')}

Examples:
${examples.map(({ command }) => `  ${command}`).join('\n')}

"mayfly ${group} <command> --help" says more.
`
}

/** The page of one command. */
export function commandHelp(command: Command): string {
  const { summary, about, options = {}, examples, arguments: args = [] } = command
  const parts = [`${summary}.${about ? `\n\n${about}` : ''}`, `Usage: mayfly ${usageOf(command)} [flags]`]
  if (args.length > 0) parts.push(`Arguments:\n${columns(args.map(arg => [argumentText(arg), arg.summary])).join('\n')}`)
  parts.push(`Flags:\n${columns(flagRows({ ...options, ...everywhere })).join('\n')}`)
  parts.push(`Examples:\n${examples.map(({ text, command: line }) => `  # ${text}\n  ${line}`).join('\n')}`)
  return `${parts.join('\n\n')}\n`
}

/** `agents get <agent>` */
export const usageOf = ({ name, arguments: args = [] }: Command): string => [name, ...args.map(argumentText)].join(' ')

function argumentText({ name, optional, many }: Argument): string {
  const text = `<${name}>${many ? '…' : ''}`
  return optional ? `[${text}]` : text
}

/** `-f, --file FILE`, what it does */
export const flagRows = (options: Options): [string, string][] =>
  Object.entries(options).map(([name, option]) => [flagText(name, option), describe(option)])

const flagText = (name: string, { short, value }: Option): string =>
  `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`

const describe = ({ summary, required, choices, many }: Option): string =>
  [summary, choices && `: ${choices.join(', ')}`, required && ' (required)', many && ' (may be repeated)']
    .filter(Boolean)
    .join('')

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd())
}
