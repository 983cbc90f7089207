/** Options that are addresses: see address-form.ts. */
import { limits } from '@agent-mesh/protocol/limits'
import * as z from 'zod/mini'
import { addressForm, announceExamples, listenExamples, multiaddrOf, noAddress } from './address-form.ts'

const addressField = (examples: string) =>
  z.pipe(
    z.pipe(z.string().check(z.maxLength(limits.addrChars)), z.transform(multiaddrOf)),
    z.string().check(z.regex(addressForm, { error: noAddress(examples) })),
  )

export const listenField = addressField(listenExamples)

export const announceField = addressField(announceExamples)
