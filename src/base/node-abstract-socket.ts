/**
 * Names that a process holds while it lives: sockets with abstract names, which the kernel takes away when the process
 * ends, however it ends. Only Linux has them.
 */
import { createServer, type Server } from 'node:net';

export interface HeldName {
  /** Idempotent. */
  release(): Promise<void>;
}

/** Rejects with EADDRINUSE while another process holds it. */
export async function holdName(name: string): Promise<HeldName> {
  const server = createServer((socket) => socket.destroy());
  await listening(server, `\0${name}`);
  let released: Promise<void> | undefined;
  return {
    release() {
      released ??= new Promise((resolve) => server.close(() => resolve()));
      return released;
    },
  };
}

function listening(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(name, () => {
      server.off('error', reject);
      // It does not keep the process that holds it.
      server.unref();
      resolve();
    });
  });
}
