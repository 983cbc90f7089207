/** The machines of a mesh, as a file of the operator names them; read anew by each deployment. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

import { roles } from '../target.ts'

/** No option of `ssh`, which would begin with "-". */
const destination = z
  .string()
  .max(255)
  .regex(/^[^\s-]\S*$/)
const words = z.array(z.string().min(1).max(4096)).max(32)
const absolute = z.string().max(4096).regex(/^\//, 'is no absolute path')

const hostSchema = z.strictObject({
  /** Of the member in the mesh; of a control plane any name. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  role: z.enum(roles),
  /** As for `ssh`: `admin@relay-1.example.com`. @default the name */
  ssh: destination.optional(),
  /** Data folder of the service. */
  data: absolute.default('/var/lib/agent-mesh/default'),
  /** The single file that the service runs. */
  program: absolute.default('/usr/local/lib/agent-mesh/agent-mesh'),
})

const fileSchema = z.strictObject({
  hosts: z.array(hostSchema).min(1).max(5_000),
  /** Where releases are, as for `agent-mesh upgrade --from`. @default where each was installed from */
  releases: z.string().min(1).max(2048).optional(),
  /** What becomes the user that may upgrade. */
  as: words.default(['sudo', '-n']),
  /** Options of `ssh`: `["-p", "2222"]`. */
  options: words.default([]),
})

export type Host = Omit<z.infer<typeof hostSchema>, 'ssh'> & { readonly ssh: string }

export interface Hosts extends Omit<z.infer<typeof fileSchema>, 'hosts'> {
  readonly hosts: readonly Host[]
}

/** @throws MeshError not_found, invalid_argument with the place in the file */
export async function readHosts(file: string): Promise<Hosts> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new MeshError('not_found', `Cannot read the hosts: there is no ${file}`, {
      cause,
      hint: 'AGENT_MESH_HOSTS names the file; docs/deploy.md has an example.',
    })
  })
  try {
    const { hosts, ...rest } = fileSchema.parse(JSON.parse(text))
    const names = hosts.map(({ name }) => name)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined) throw new Error(`${twice} is there twice`)
    return { ...rest, hosts: hosts.map(host => ({ ...host, ssh: host.ssh ?? host.name })) }
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)
    throw new MeshError('invalid_argument', `Cannot read the hosts in ${file}: ${why}`, { cause })
  }
}
