/**
 * Scripts with which a shell completes `agent-mesh`. They contain no commands: at each Tab they run
 * `agent-mesh __complete -- WORDS`, which answers with `files` or `words`, then a line `VALUE ABOUT` each: no value has a space.
 */
export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

export interface ShellScript {
  /** How it is loaded in the running shell. */
  load: string
  /** How it is loaded by each new shell. */
  install: string
  text: string
}

/** Bash splits words at = and :, and replaces only what follows the last of them; works from Bash 3.2 on. */
const bash = `# Completion of agent-mesh for bash: source <(agent-mesh completion bash)
_agent_mesh() {
  local line=\${COMP_LINE:0:COMP_POINT} kind="" reply prefix="" breaks
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local current=\${words[\${#words[@]}-1]}
  breaks=\${COMP_WORDBREAKS//[!=:]/}
  [[ -n $breaks && $current == *[$breaks]* ]] && prefix=\${current%"\${current##*[$breaks]}"}
  COMPREPLY=()
  while IFS= read -r reply; do
    if [[ -z $kind ]]; then
      kind=$reply
      continue
    fi
    reply=\${reply%% *}
    [[ $reply == *. ]] && compopt -o nospace 2>/dev/null
    COMPREPLY+=("\${reply#"$prefix"}")
  done < <("$1" __complete -- "\${words[@]:1}" 2>/dev/null)
  if [[ $kind == files ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen -f -- "\${current#"$prefix"}")
  fi
}
complete -F _agent_mesh agent-mesh
`

const zsh = `#compdef agent-mesh
# Completion of agent-mesh for zsh: source <(agent-mesh completion zsh)
_agent_mesh() {
  local -a lines described partial
  local line value
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  if [[ \${lines[1]} == files ]]; then
    compset -P '*='
    _files
    return
  fi
  for line in "\${(@)lines[2,-1]}"; do
    value=\${line%% *}
    line=\${value//:/\\\\:}:\${line#* }
    if [[ $value == *. ]]; then partial+=("$line"); else described+=("$line"); fi
  done
  _describe -V 'agent-mesh' described -- partial -S ''
}
if [[ \${funcstack[1]} == _agent_mesh ]]; then
  _agent_mesh "$@"
else
  compdef _agent_mesh agent-mesh
fi
`

const fish = `# Completion of agent-mesh for fish: agent-mesh completion fish | source
function __agent_mesh_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = files
        __fish_complete_path "$current"
    else if test (count $lines) -gt 1
        string replace ' ' \\t -- $lines[2..-1]
    end
end
complete -c agent-mesh -f -k -a '(__agent_mesh_complete)'
`

export const shellScripts: Readonly<Record<Shell, ShellScript>> = {
  bash: {
    load: 'source <(agent-mesh completion bash)',
    install: 'agent-mesh completion bash > ~/.local/share/bash-completion/completions/agent-mesh',
    text: bash,
  },
  zsh: {
    load: 'source <(agent-mesh completion zsh)',
    install: 'agent-mesh completion zsh > "${fpath[1]}/_agent-mesh"',
    text: zsh,
  },
  fish: {
    load: 'agent-mesh completion fish | source',
    install: 'agent-mesh completion fish > ~/.config/fish/completions/agent-mesh.fish',
    text: fish,
  },
}
