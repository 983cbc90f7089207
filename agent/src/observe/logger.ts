/** Structured logs: JSON lines on stderr, so that stdout stays free for results. No secret reaches them. */
import { printableJson, redact } from '@agent-mesh/protocol'
import type { EventLog } from '@agent-mesh/protocol/log-events'
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino'

/** What agents and relays log to: lines with the name of an event (docs/logs.md). A pino logger fits. */
export type Logger = EventLog

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Arguments of a log call without secrets; an error alone is logged with its message, as pino does. */
function redactedArguments([first, ...rest]: readonly unknown[]): unknown[] {
  const all =
    first instanceof Error
      ? [{ err: first }, ...(rest.length > 0 ? rest : [first.message])]
      : [first, ...rest]
  return all.map(argument => redact(argument))
}

/** A logger named after its process. @param to where the lines go @default stderr */
export function createLogger(name: string, level: LogLevel = 'info', to?: DestinationStream): PinoLogger {
  const logger = pino(
    {
      name,
      level,
      base: { name, pid: process.pid },
      // Errors are plain when they come here.
      serializers: { err: (err: unknown) => err },
      hooks: {
        logMethod(given, method) {
          method.apply(this, redactedArguments(given) as Parameters<typeof method>)
        },
      },
    },
    unsteering(to ?? stderr()),
  )
  // Children of children have this one, too. Their bindings are written once, past the hook.
  const { child } = logger
  logger.child = function (this: PinoLogger, bindings, options) {
    return child.call(this, redact(bindings) as typeof bindings, options)
  } as typeof child
  return logger
}

/** People read logs on a terminal: text of other members in them must not steer it. */
const unsteering = (to: DestinationStream): DestinationStream => ({
  write: line => void to.write(printableJson(line)),
})

/** A line that finds no room, where stderr is a file on a full disk, is lost; the process continues. */
export function stderr(): DestinationStream {
  const destination = pino.destination({ dest: 2, sync: true })
  destination.on('error', () => undefined)
  return destination
}
