/** What an agent tunes, and its metrics. */
import type { Member } from '../member/member.ts'
import type { TuningSettings } from '../tuning/settings.ts'
import { Tuning } from '../tuning/tuning.ts'

export function observedTuning({ metrics, log, serving }: Member, settings: TuningSettings): Tuning {
  const { wheel, sessions } = serving
  const tuning = new Tuning({ settings, now: () => wheel.now(), log })
  metrics.counter(
    'agent_mesh_tuning_changes_total',
    'Changes of settings that the agent tunes, by how far they came: each is a trial first, then kept or rolled back',
    'outcome',
    () => Object.entries(tuning.outcomes),
  )
  metrics.counter(
    'agent_mesh_compressed_bytes_total',
    'Bytes of bodies that were sent compressed: of their text, and sent',
    'kind',
    () => [
      ['text', sessions.compression.total.textBytes],
      ['sent', sessions.compression.total.sentBytes],
    ],
  )
  return tuning
}
