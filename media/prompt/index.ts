export { inlineCoder, PromptCoderPool } from './coder.ts';
export {
  type DecodedPrompt,
  decodePrompt,
  encodePrompt,
  type PcmFormat,
  type PromptCoder,
  type PromptType,
} from './decode-prompt.ts';
export { fetchError, fileError } from './errors.ts';
export { LruCache } from './lru.ts';
export {
  type EncodedPrompt,
  type Prompt,
  type PromptSource,
  PromptStore,
  type PromptStoreOptions,
  type PromptStorePorts,
} from './store.ts';
