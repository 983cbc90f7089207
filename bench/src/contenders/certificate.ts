import { createRequire } from 'node:module'

/** The little of its types that is used: the package is installed only for benches. */
interface Selfsigned {
  generate(
    names: { name: string; value: string }[],
    options: { keyType: 'ec' },
  ): Promise<{ private: string; cert: string }>
}

const { generate } = createRequire(import.meta.url)('selfsigned') as Selfsigned

/** A key and a certificate of its own for the name `bench`, PEM. */
export async function certificate(): Promise<{ key: string; cert: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'bench' }], { keyType: 'ec' })
  return { key, cert }
}
