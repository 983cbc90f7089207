import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { collectFields } from '../arguments.ts'
import { readParams, type Field } from './call-params.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'params-'))
  await writeFile(join(folder, 'params.json'), '{"a": [1, null]}\n')
  await writeFile(join(folder, 'bad.json'), '{"a": 1')
  await writeFile(join(folder, 'secret'), 'sec"ret\n')
  await writeFile(join(folder, 'large'), Buffer.alloc(3 * 1024 * 1024))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** As the command line has them: `f` raw, `F` typed. */
function fieldsOf(...given: [option: 'f' | 'F', text: string][]): Field[] {
  const fields: Field[] = []
  for (const [option, text] of given) collectFields(fields, option === 'F')(text.replace('DIR', folder))
  return fields
}

describe('params of a call', () => {
  it('are absent, JSON, or JSON of a file', async () => {
    expect(await readParams(undefined, [])).toBe(undefined)
    expect(await readParams('{"a":1}', [])).toEqual({ a: 1 })
    expect(await readParams(`@${folder}/params.json`, [])).toEqual({ a: [1, null] })
  })

  it.each([
    ['bad.json', 'invalid_argument', 'is not JSON'],
    ['missing', 'not_found', 'there is no such file'],
    ['large', 'too_large', 'over 2097152 bytes'],
  ])('are refused from the file %s with its name', async (file, code, reason) => {
    await expect(readParams(`@${folder}/${file}`, [])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`${file}.*${reason}`)) as string,
    })
  })

  it('refuse numbers that would become others, naming where they are', async () => {
    await expect(readParams('{"ids":[1,12345678901234567890]}', [])).rejects.toThrow(
      'params.ids[1] is 12345678901234567890, which would become 12345678901234567000',
    )
    await expect(readParams('{"n":1e400}', [])).rejects.toThrow('params.n is 1e400')
    await expect(readParams(undefined, fieldsOf(['F', 'n[a]=12345678901234567890']))).rejects.toThrow(
      'n.a is 1',
    )
    expect(await readParams('{"id":"12345678901234567890","n":0.1234567890123456789}', [])).toEqual({
      id: '12345678901234567890',
      n: 0.12345678901234568,
    })
  })

  it('are fields: text with -f; with -F JSON where it is JSON, else text', async () => {
    const fields = fieldsOf(
      ['f', 'zip=01234'],
      ['f', 'version=1.10'],
      ['F', 'count=3'],
      ['F', 'on=true'],
      ['F', 'none=null'],
      ['F', 'list=[1,"a"]'],
      ['F', 'name=web 1'],
      ['F', 'odd={a'],
      ['f', 'at=@no-file'],
    )
    expect(await readParams(undefined, fields)).toEqual({
      zip: '01234',
      version: '1.10',
      count: 3,
      on: true,
      none: null,
      list: [1, 'a'],
      name: 'web 1',
      odd: '{a',
      at: '@no-file',
    })
  })

  it('take the text of a file as it is with -F key=@FILE', async () => {
    expect(await readParams(undefined, fieldsOf(['F', 'password=@DIR/secret']))).toEqual({
      password: 'sec"ret\n',
    })
  })

  it('nest, and keep the order of both options in an array', async () => {
    const fields = fieldsOf(
      ['f', 'a[b][c]=1'],
      ['F', 'a[b][d]=2'],
      ['F', 'list[]=1'],
      ['f', 'list[]=2'],
      ['F', 'all[][id]=1'],
      ['F', 'all[][id]=2'],
    )
    expect(await readParams(undefined, fields)).toEqual({
      a: { b: { c: '1', d: 2 } },
      list: [1, '2'],
      all: [{ id: 1 }, { id: 2 }],
    })
  })

  it('hold a field of any name as its own, and change no other object', async () => {
    const params = await readParams(undefined, fieldsOf(['f', '__proto__[polluted]=yes']))
    expect(Object.keys(params as object)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>)['polluted']).toBe(undefined)
  })

  it.each([
    [
      ['f', 'a=1'],
      ['f', 'a=2'],
    ],
    [
      ['f', 'a=1'],
      ['f', 'a[b]=2'],
    ],
    [
      ['f', 'a[]=1'],
      ['f', 'a[b]=2'],
    ],
  ] as ['f', string][][])('refuse %j and %j, which give one field two values', async (...fields) => {
    await expect(readParams(undefined, fieldsOf(...fields))).rejects.toThrow('field a')
  })

  it('are not given twice', async () => {
    await expect(readParams('{}', fieldsOf(['f', 'a=1']))).rejects.toThrow('both params and fields')
  })
})
