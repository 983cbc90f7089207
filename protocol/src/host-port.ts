/** `127.0.0.1:22`, `[::1]:22`: an address as URLs and options write it. */
export const hostPort = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
