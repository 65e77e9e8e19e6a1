// Each shell asks `mayfly completion words -- <words so far> <partial word>` and offers the lines that come back. Where none come
// the shell falls back on file names.

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

const bash = `# mayfly completion for bash. Put into ~/.bashrc: source <(mayfly completion bash)
_mayfly() {
  local IFS=$'\\n'
  COMPREPLY=($(mayfly completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "\${COMP_WORDS[COMP_CWORD]}" 2>/dev/null))
}
complete -o default -F _mayfly mayfly
`

const zsh = `#compdef mayfly
# mayfly completion for zsh. Put into ~/.zshrc, after compinit: source <(mayfly completion zsh)
_mayfly() {
  local -a candidates
  candidates=("\${(@f)$(mayfly completion words -- "\${(@)words[2,CURRENT-1]}" "\${words[CURRENT]}" 2>/dev/null)}")
  candidates=(\${candidates:#})
  if (( \${#candidates} )); then compadd -- "\${candidates[@]}"; else _files; fi
}
compdef _mayfly mayfly
`

const fish = `# mayfly completion for fish: mayfly completion fish > ~/.config/fish/completions/mayfly.fish
function __mayfly_complete
    set -l words (commandline -opc)
    mayfly completion words -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c mayfly -a '(__mayfly_complete)'
`

export const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish }
