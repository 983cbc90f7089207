/** What the control plane logs to; pino fits. Secrets, tokens and request headers are never passed. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
