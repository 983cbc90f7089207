/** The names under which calls of AI assistants travel (the request field `app`): a member puts each such call on record. */
const prefix = 'mcp:'

/** @param client what the assistant says that it is called; undefined: nothing */
export const toolApp = (client: string | undefined): string =>
  `${prefix}${(client ?? '').replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 48) || 'unknown'}`

/** No token of the gateway has a name like this. */
export const isToolApp = (app: string | undefined): app is string => app?.startsWith(prefix) === true
