import type { Script } from './script.ts'

/** How a database runs scripts. */
export interface ScriptRunner {
  /** A script that changes nothing. */
  read<T>(script: Script<T>): Promise<T>
  /** In a transaction of its own, which may be tried again from the beginning. */
  write<T>(script: () => Script<T>): Promise<T>
  /** As {@link ScriptRunner.write}, for writes that a power cut may undo: they are reported again anyway. */
  relaxed<T>(script: () => Script<T>): Promise<T>
}

type Scripts = Record<string, (...values: never[]) => Script<unknown>>
type NoScripts = Record<never, Scripts[string]>

/** The same functions, whose promises resolve when the script has run. */
export type Served<S> = {
  [K in keyof S]: S[K] extends (...values: infer A) => Script<infer T> ? (...values: A) => Promise<T> : never
}

/** Functions of a store by how their scripts run. */
export interface ScriptedPart<R, W, X> {
  reads?: R
  writes?: W
  relaxed?: X
}

/** A part of a store, made of its scripts. */
export function served<
  R extends Scripts = NoScripts,
  W extends Scripts = NoScripts,
  X extends Scripts = NoScripts,
>(run: ScriptRunner, { reads, writes, relaxed }: ScriptedPart<R, W, X>): Served<R> & Served<W> & Served<X> {
  const inTransaction =
    (how: 'write' | 'relaxed') =>
    (script: Scripts[string]) =>
    (...values: never[]) =>
      run[how](() => script(...values))
  return {
    ...mapped(
      reads,
      script =>
        (...values) =>
          run.read(script(...values)),
    ),
    ...mapped(writes, inTransaction('write')),
    ...mapped(relaxed, inTransaction('relaxed')),
  } as Served<R> & Served<W> & Served<X>
}

const mapped = (
  scripts: Scripts | undefined,
  serve: (script: Scripts[string]) => (...values: never[]) => Promise<unknown>,
) => Object.fromEntries(Object.entries(scripts ?? {}).map(([name, script]) => [name, serve(script)]))
