/**
 * Buffers of sockets and files lie outside of V8's heap. V8 looks for those that nothing refers to when small objects fill its young
 * space, which many bytes in few objects do not, and else marks its whole heap after each 64 MiB of them, or fewer: 50 to 100 ms of CPU,
 * more than all else that is done for 64 MiB. Collecting young objects more often finds nearly all of these buffers for 1 to 2 ms.
 */
import { CollectionStep } from './collection-step.ts'
import { roomOfHeap, youngCollector } from './collector.ts'

const step = new CollectionStep()
let collect: (() => void) | undefined
let setRoom: ((isWide: boolean) => void) | undefined

/** Only a collection of the whole heap finds what is registered here: the others take it for used. */
const wholeHeap = new FinalizationRegistry<undefined>(() => {
  step.onWholeHeap()
  watch()
})
const watch = (): void => wholeHeap.register({}, undefined)

/** Counts the bytes of buffers, of the process, that are made and soon let go of; collects young objects from time to time. */
export function countBuffers(more: number): void {
  if (!step.count(more)) return
  if (collect === undefined) {
    collect = youngCollector()
    setRoom = roomOfHeap()
    watch()
  }
  setRoom?.(step.isCrowded)
  collect()
}
