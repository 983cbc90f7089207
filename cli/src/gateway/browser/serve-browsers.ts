import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

import type { BrowserPorts } from './browser-ports.ts'
import { isPageHost } from './page-host.ts'

/** Gives requests to addresses of ports to `browsers`, all others to the listeners that `server` has by now: the API of the gateway. */
export function serveBrowsers(server: Server, browsers: BrowserPorts): void {
  const request = (asked: IncomingMessage, response: ServerResponse) =>
    void browsers.serve(asked, response, () => undefined)
  instead(server, 'request', request)
  instead(server, 'checkContinue', (asked: IncomingMessage, response: ServerResponse) => {
    void browsers.serve(asked, response, () => response.writeContinue())
  })
  instead(server, 'upgrade', (asked: IncomingMessage, socket: Duplex, head: Buffer) => {
    void browsers.serveUpgrade(asked, socket, head)
  })
}

function instead<More extends unknown[]>(
  server: Server,
  event: string,
  serve: (asked: IncomingMessage, ...more: More) => void,
): void {
  const others = server.listeners(event)
  server.removeAllListeners(event)
  server.on(event, (asked: IncomingMessage, ...more: More) => {
    if (isPageHost(asked.headers.host)) return serve(asked, ...more)
    for (const other of others) other.call(server, asked, ...more)
  })
}
