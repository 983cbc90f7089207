import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { checkSocketPath, ownDataFolder } from './data-folder.ts'

let root = ''
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'folder-'))))
afterEach(() => rm(root, { recursive: true, force: true }))

/** A process that owns `folder` until it is killed. */
async function owner(folder: string) {
  const script = `
    const { ownDataFolder } = await import(${JSON.stringify(join(import.meta.dirname, 'data-folder.ts'))})
    await ownDataFolder(${JSON.stringify(folder)}, 'relay')
    console.log('owned')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

describe('a data folder', () => {
  it('is made for its owner alone and emptied of what said whose it was', async () => {
    const folder = await ownDataFolder(join(root, 'a', 'b'), 'agent')
    expect((await stat(folder.path)).mode & 0o777).toBe(0o700)
    await folder.release()
    await folder.release()
    expect(await readdir(folder.path)).toEqual(['lock'])
  })

  it('is refused while another process owns it, naming that process', async () => {
    const child = await owner(root)
    try {
      await expect(ownDataFolder(root, 'agent')).rejects.toMatchObject({
        code: 'conflict',
        message: `Cannot use data folder ${root}: agent-mesh relay (pid ${child.pid}) owns it`,
      })
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })

  it.skipIf(process.platform === 'win32')('is refused when others may write it', async () => {
    await chmod(root, 0o770)
    await expect(ownDataFolder(root, 'agent')).rejects.toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining('others may write it (mode 770)') as string,
      hint: expect.stringContaining(`chmod 700 ${root}`) as string,
    })
  })

  it('is free at once when its owner was killed', async () => {
    const child = await owner(root)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const folder = await ownDataFolder(root, 'agent')
    await folder.release()
  })

  it('is refused when its socket path would be cut short', async () => {
    await expect(ownDataFolder(join(root, 'x'.repeat(90)), 'agent')).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('the limit is 100') as string,
    })
  })

  it('may have a long path on Windows, where the socket is a pipe', () => {
    const folder = join(root, 'x'.repeat(90))
    expect(() => checkSocketPath(folder, 'win32')).not.toThrow()
    expect(() => checkSocketPath(folder, 'linux')).toThrow('the limit is 100')
  })
})
