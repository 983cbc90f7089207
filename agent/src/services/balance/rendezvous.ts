/**
 * Which provider a key belongs to, alike at every caller: the one whose hash with the key is highest (Thaler and Ravishankar 1998). A
 * provider that comes or goes moves only its own share of the keys.
 */

/** 32 bits of a text, well mixed: FNV-1a, then the finalizer of MurmurHash3. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mixed(hash)
}

/** How much a provider of hash `provider` wants a key of hash `key`: the highest has it. */
export const claimOf = (provider: number, key: number): number => mixed(provider ^ key)

function mixed(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
