/** How the policy and the scopes of tokens name a method: `service:math.add`, and `tool:notes.read` of an MCP server. */

/** Services whose methods are tools of MCP servers begin so; nothing else serves under such a name. */
export const toolServices = 'mcp.'

/** @param service `math`, without its version @param method `add` */
export const methodTarget = (service: string, method: string): string =>
  service.startsWith(toolServices)
    ? `tool:${service.slice(toolServices.length)}.${method}`
    : `service:${service}.${method}`

/** Of `math@2.add`, a name in the form of methods. */
export function targetOfMethod(method: string): string {
  const at = method.lastIndexOf('.')
  return methodTarget(method.slice(0, at).replace(/@\d{1,6}$/, ''), method.slice(at + 1))
}
