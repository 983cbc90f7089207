export type { StunAddress } from './address.ts'
export {
  bindingRequest,
  bindingResponse,
  mappedAddressIn,
  parseBindingRequest,
  type BindingRequest,
} from './binding.ts'
export { stunTransactionBytes } from './message.ts'
