/** The names under which the agent itself asks for its owner, where tokens have names of programs: in audit logs and handlers. */
export const ownApps = {
  /** A browser that `agent-mesh open` signs in. */
  browser: 'browser',
  /** Calls from the page of the mesh. */
  page: 'page',
} as const

/** No token has such a name: audit logs would show the program as the owner. */
export const isOwnApp = (name: string): boolean => Object.values<string>(ownApps).includes(name.toLowerCase())
