/** The environment variables that the command reads, as `--help` lists them; a test holds the list against the sources. */
export const environmentHelp: readonly (readonly [string, string])[] = [
  ['AGENT_MESH_JOIN, AGENT_MESH_JOIN_FILE', 'join token of "up" and "relay", or the file that holds it'],
  ['AGENT_MESH_CONTEXT, AGENT_MESH_DATA', 'context or data folder, as --context and --data'],
  ['AGENT_MESH_CONFIG', 'configuration file, as --config'],
  ['AGENT_MESH_PROXY', 'HTTP proxy, as --proxy'],
  ['AGENT_MESH_STORE', 'store of "control-plane", as --store'],
  ['AGENT_MESH_<OPTION>', 'an option of "up", "relay" and "control-plane": docs/configuration.md'],
  ['XDG_DATA_HOME', 'where data folders are kept (default: ~/.local/share)'],
  ['HTTPS_PROXY, HTTP_PROXY, NO_PROXY', 'HTTP proxy and its exceptions, as --proxy'],
  ['NO_COLOR, TERM', 'no colour when NO_COLOR is set or TERM is dumb'],
]
