// docs/reference/cli.md, made of what commands say of themselves. A test holds the two together.

import type { Command } from './command.ts'
import { flagRows, usageOf } from './help.ts'
import { everywhere } from './parse-words.ts'

/** Markdown. */
export function referencePage(commands: readonly Command[]): string {
  const tops = [...new Set(commands.map(({ name }) => name.split(' ')[0]!))]
  const parts = tops.map(top =>
    section(
      top,
      commands.filter(({ name }) => name === top || name.startsWith(`${top} `)),
    ),
  )
  return `${head}\n${parts.join('\n')}`
}

const head = `# mayfly, the command line

In this folder: \`npx mayfly …\`, or \`npm run -s mayfly -- …\`; \`npm install -g .\` puts \`mayfly\` into your PATH. \`mayfly <command> --help\` shows the same as this page.

## For every command

| flag | |
|---|---|
${rows(flagRows(everywhere))}
**Which broker.** \`--profile NAME\`; else \`MAYFLY_URL\` (with \`MAYFLY_TOKEN\` or \`MAYFLY_TOKEN_FILE\`, \`MAYFLY_CA_FILE\`, \`MAYFLY_TENANT\`);
else the current profile; else the development broker of the project that you stand in (\`.mayfly/dev.json\`, written by \`npm start\`),
which is then named on stderr. Sources are not mixed; only \`MAYFLY_TOKEN\` goes before the token of the current profile.

**Profiles** are in \`~/.config/mayfly/config.json\` (\`XDG_CONFIG_HOME\`), mode 0600. A file that others may read is refused.

**Output.** Results go to stdout, all else to stderr. On a terminal lists are tables, cut to its width; elsewhere they are
tab-separated with a head line, and nothing is cut. Single things are YAML, which \`update -f\` takes back. With \`--json\` a result is
one JSON document, a list \`{"items":[…],"next_cursor":…}\`, and a list with \`--all\` one JSON document per line. Colours only on a
terminal, never with \`NO_COLOR\`.

**Exit codes.** 0 done; 1 refused or failed; 2 wrong usage, nothing was done; 130 interrupted. A failure says what happened, why, and what
to do next; with \`--json\` as \`{"error":{"what","why","next","status","code"}}\` on stderr.

**What cannot be undone** asks first, on a terminal; elsewhere it needs \`--yes\`. A change that needs two people is answered with its
id and exit code 0: \`mayfly changes approve ID\`, by another person.
`

function section(top: string, commands: readonly Command[]): string {
  return `## ${top}\n\n${commands.map(commandPart).join('\n')}`
}

function commandPart(command: Command): string {
  const { name, summary, about, options = {}, arguments: args = [], examples } = command
  const listed: [string, string][] = [
    ...args.map(arg => [`<${arg.name}>`, arg.summary] as [string, string]),
    ...flagRows(options),
  ]
  return [
    ...(name.includes(' ') ? [`### ${name}`, ''] : []),
    `\`mayfly ${usageOf(command)}\``,
    '',
    `${summary}.`,
    ...(about ? ['', plainText(about)] : []),
    '',
    ...(listed.length > 0 ? ['| | |', '|---|---|', rows(listed)] : []),
    '```sh',
    ...examples.flatMap(({ text, command: line }) => [`# ${text}`, line]),
    '```',
    '',
  ].join('\n')
}

/** The lines of a table, and an empty one. */
function rows(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([left, right]) => `| \`${left}\` | ${plainText(right)} |\n`).join('')
}

function plainText(text: string): string {
  return text.replace(/[|<]/g, sign => `\\${sign}`)
}
