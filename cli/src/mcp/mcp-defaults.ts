/** Every default of what assistants get over MCP: value, unit, reason. */
export const mcpDefaults = {
  /** Tools in one list: each costs an assistant some hundred tokens of its context before it has done anything. */
  directTools: 40,
  /** Tools that a search gives, and gives at most. */
  foundTools: 5,
  mostFoundTools: 20,
  /** Members in one answer. */
  mostMembers: 100,
  /** Characters of a description: one paragraph. */
  aboutChars: 512,
  /** Characters of a result as JSON: more would fill the context of an assistant. */
  resultChars: 200_000,
  /** A call of a method whose contract names no time, ms: as programs have. */
  callMs: 30_000,
  /** What is known of tools is used for calls this long, ms; a list is always asked for anew. */
  knownMs: 10_000,
  /** How often the services of the mesh are looked at for tools that came or went, ms. */
  lookMs: 1_000,
} as const
