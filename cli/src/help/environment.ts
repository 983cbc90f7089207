/** The environment variables that the command reads, as `--help` lists them; a test holds the list against the sources. */
export const environmentHelp: readonly (readonly [string, string])[] = [
  ['AGENT_MESH_JOIN, AGENT_MESH_JOIN_FILE', 'join token of "up" and "relay", or the file with the token'],
  ['AGENT_MESH_CONTEXT, AGENT_MESH_DATA', 'context or data folder, like --context and --data'],
  ['AGENT_MESH_CONFIG', 'configuration file, like --config'],
  ['AGENT_MESH_PROXY', 'HTTP proxy, like --proxy'],
  ['AGENT_MESH_STORE', 'store of "control-plane", like --store'],
  ['AGENT_MESH_<OPTION>', 'an option of "up", "relay" and "control-plane": docs/configuration.md'],
  ['XDG_DATA_HOME', 'parent folder of the data folders (default: ~/.local/share)'],
  ['HTTPS_PROXY, HTTP_PROXY, NO_PROXY', 'HTTP proxy and its exceptions, when --proxy is not given'],
  ['AWS_PROFILE, AWS_REGION, AWS_DEFAULT_REGION', 'account and region of the commands that use AWS'],
  ['NO_COLOR, TERM', 'no colour if NO_COLOR is set or TERM is "dumb"'],
]
