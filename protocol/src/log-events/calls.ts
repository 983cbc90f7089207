/** Of services, topics, tuning and the gateway. */
export const callEvents = {
  'service-not-described': [
    'warn',
    'The contract of a service cannot be described to callers; the text names it.',
  ],
  'handler-failed': [
    'error',
    'A handler threw an error that is not a MeshError. Callers receive the id in `failure` only.',
  ],
  'invalidation-not-sent': [
    'warn',
    'Other members were not informed that cached answers are stale; they end by their age.',
  ],
  'invalidations-not-received': ['warn', 'This agent does not hear of stale answers; they end by their age.'],
  'provider-ejected': ['info', 'The breaker of a provider opened; `reason` says why.'],
  'provider-restored': ['info', 'The breaker of a provider closed.'],
  'topic-message-refused': ['debug', 'A message had no valid signature or was not allowed.'],
  'topic-stream-not-opened': ['debug', 'No stream for topics to a peer; it is tried again.'],
  'topic-relay-unreachable': ['debug', 'No stream for topics between two relays; it is tried again.'],
  'topic-frame-refused': ['debug', 'A frame of a topic was not valid.'],
  'topic-handler-failed': ['error', 'The handler of a subscription threw.'],
  'topic-refused': ['warn', 'A relay refused a subscription or a message; `code` says why.'],
  'program-not-served': [
    'warn',
    'A program that speaks HTTP is kept and not served: its name is in use, for example.',
  ],
  'tool-server-ended': ['warn', 'The process of an MCP server ended or did not start; it is started again.'],
  'approval-not-recorded': [
    'warn',
    'An approval of tools cannot be read, or noted as recorded: it may be missing in the audit log, or be there twice.',
  ],
  'tools-not-read': ['warn', 'The tools of an MCP server changed and cannot be listed.'],
  'tools-refused': [
    'warn',
    'Tools of an MCP server changed and wait for `agent-mesh mcp approve NAME`, or cannot be methods.',
  ],
  'tuning-not-started': ['warn', 'Settings are not tuned.'],
  'tuning-tried': ['info', 'A setting has a new value on trial.'],
  'tuning-kept': ['info', 'The trial of a setting ended: the new value stays.'],
  'tuning-rolled-back': ['info', 'The trial of a setting ended: the old value is back.'],
  'gateway-request-failed': [
    'info',
    'A request of a program at the gateway failed; the caller has the same problem document.',
  ],
  'gateway-connection-failed': [
    'info',
    'A connection of a program to a port of a member failed; `code` says why.',
  ],
  'gateway-accept-failed': ['warn', 'The gateway could not accept a connection: too many open files?'],
} as const
