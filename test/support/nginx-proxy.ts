/** {@link pathProxy} as nginx does it, where it is installed. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { freePort } from './free-port.ts'
import type { PathProxy } from './path-proxy.ts'

export const hasNginx = spawnSync('nginx', ['-v']).status === 0
if (!hasNginx) {
  const reason = 'nginx is not installed: not tested behind it'
  if (process.env['CI'] === 'true') throw new Error(reason)
  console.warn(reason)
}

/** `proxy_pass` with a URI replaces the path of the location; without one it passes the path on. */
const configOf = (folder: string, port: number, path: string, target: string): string => `
daemon off;
master_process off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port};
    location ${path}/ {
      proxy_pass ${target};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`

export async function nginxProxy(path: string, strips: boolean): Promise<PathProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}${path}`
  let stop = async (): Promise<void> => {}
  return {
    url,
    setTarget: async target => {
      const file = join(folder, 'nginx.conf')
      await writeFile(file, configOf(folder, port, path, strips ? `${target}/` : target))
      const nginx = spawn('nginx', ['-c', file, '-p', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
      const ended = once(nginx, 'exit')
      stop = async () => {
        nginx.kill('SIGQUIT')
        const late = setTimeout(() => nginx.kill('SIGKILL'), 5_000)
        await ended
        clearTimeout(late)
      }
      await vi.waitFor(() => fetch(`${url}/health`), { timeout: 20_000, interval: 50 })
    },
    stop: async () => {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
