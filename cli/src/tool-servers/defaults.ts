/** Every default of MCP servers that an agent serves: value, unit, reason. */
export const toolServerDefaults = {
  /** After a crash, ms: the next call waits less than 2 s. Doubled for one that crashes again. */
  firstRestartMs: 100,
  /** ms: a command that does not exist is not tried all the time. */
  mostRestartMs: 30_000,
  /** A server that ran this long crashes anew, ms. */
  soundMs: 10_000,
  /** Until it has introduced itself and listed its tools, ms: package runners download first. */
  openMs: 60_000,
  /** How often approvals are looked for while tools wait for one, ms. */
  lookMs: 1_000,
  /** Tools of a server: a contract with more is no help to anyone. */
  mostTools: 256,
  /** Processes of members that call one server, with `--mcp-per-caller`: each takes some 50 MB. */
  mostCallers: 8,
  /** The process of a member that does not call is ended after this, ms: an assistant thinks for less. */
  idleMs: 300_000,
  /** Characters of one tool as JSON: an owner reads all of it, and an answer that describes a member has at most 1 MiB. */
  toolChars: 32_768,
  /** Steps into the JSON of a tool; what is deeper is shown as one piece. */
  deepestPath: 32,
} as const
