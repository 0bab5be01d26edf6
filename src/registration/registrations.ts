/** The registrations of one Tandem: made, listed, and closed together. */
import type { RegisterOptions, RegisterTransactionOptions } from './options.ts';
import { RegisterTransaction } from './register-transaction.ts';
import { Registration, type RegistrationContext, type RegistrationReport } from './registration.ts';

export class Registrations {
  readonly #context: RegistrationContext;
  readonly #open = new Set<Registration>();

  constructor(context: RegistrationContext) {
    this.#context = context;
  }

  get reports(): readonly RegistrationReport[] {
    return [...this.#open].map((registration) => registration.report());
  }

  /** @throws as `Tandem.register` */
  async register(uri: string, options: RegisterOptions = {}): Promise<Registration> {
    const { signal } = options;
    signal?.throwIfAborted();
    const registration = this.make(uri, options);
    const close = (): void => void registration.close();
    signal?.addEventListener('abort', close, { once: true });
    void registration.ended.then(() => signal?.removeEventListener('abort', close));
    try {
      await registration.start();
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
    return registration;
  }

  /** One that its owner starts. */
  make(uri: string, options: RegisterOptions = {}): Registration {
    const registration = new Registration(this.#context, uri, options);
    this.#open.add(registration);
    void registration.ended.then(() => this.#open.delete(registration));
    return registration;
  }

  transaction(uri: string, options?: RegisterTransactionOptions): RegisterTransaction {
    return new RegisterTransaction(this.#context, uri, options);
  }

  /** All of them unregister at the same time. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((registration) => registration.close()));
  }
}
