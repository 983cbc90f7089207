/** A process of its own that redeems a token many times: `FILE HASH PREFIX COUNT`. Prints what it got. */
import { openSqliteStore } from '@agent-mesh/lambdas'

const [file = '', tokenHash = '', prefix = '', count = '0'] = process.argv.slice(2)
const store = openSqliteStore({ file })
const result = { won: 0, refused: 0 }
for (let i = 0; i < Number(count); i++) {
  const peerId = `${prefix}-${i}`
  const join = { tokenHash, peerId, requestedName: 'host', serial: peerId, expiresAt: Date.now() + 1000 }
  const code = await store.enrolments.redeem(join).then(
    () => 'won' as const,
    (error: { code: string }) => error.code,
  )
  if (code === 'won') result.won++
  else if (code === 'token_invalid') result.refused++
}
await store.close()
console.log(JSON.stringify(result))
