/** What the lab needs of the machine. Without it the lab is skipped, and in CI it fails. */
import { shell } from './shell.ts'

/** Why the lab cannot run here; undefined when it can. */
export async function missingRequirement(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `it needs Linux, this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'it needs root, for network namespaces'
  for (const [tool, package_] of [
    ['ip', 'iproute2'],
    ['tc', 'iproute2'],
    ['nft', 'nftables'],
  ] as const)
    if (!(await works(`command -v ${tool}`))) return `it needs ${tool}: apt-get install ${package_}`
  const name = `aml-try-${process.pid}`
  const tried = await works(`
    ip netns add ${name}
    trap 'ip netns del ${name}' EXIT
    ip netns exec ${name} nft -f - <<'RULES'
      table inet lab { chain out { type nat hook postrouting priority 100; masquerade; }; }
RULES
    ip -n ${name} link add bridge type bridge`)
  return tried ? undefined : 'this kernel or container lets nobody make network namespaces, bridges or NAT'
}

const works = (script: string): Promise<boolean> =>
  shell(script).then(
    () => true,
    () => false,
  )
