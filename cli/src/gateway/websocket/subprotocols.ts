/** What a program offers to speak. */
export const subprotocol = 'agent-mesh.v1'

/** Begins the subprotocol that carries the token, for clients that cannot set a header. */
export const bearerPrefix = 'bearer.'
