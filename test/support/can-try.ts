/**
 * Whether a spec can run on this machine.
 * @param what the spec tries @param needs what the machine has to have for it
 * @returns false, and says so, where it cannot @throws Error in CI, so that nothing is left out there unseen
 */
export function canTry(what: string, isPossible: boolean, needs: string): boolean {
  if (isPossible) return true
  const reason = `Cannot try ${what}: it needs ${needs}`
  if (process.env['CI'] === 'true') throw new Error(reason)
  console.warn(`skipped: ${reason}`)
  return false
}
