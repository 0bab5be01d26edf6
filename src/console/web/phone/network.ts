/** Tells when this machine is in another network, or back in one. */

interface NetworkInformation extends EventTarget {
  readonly type?: string;
}

/** Several signs of one change come at once, ms. */
const together = 300;

export function watchNetwork(changed: () => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, together);
  };
  addEventListener('online', soon);
  const { connection } = navigator as { connection?: NetworkInformation };
  let type = connection?.type;
  // It also tells of speeds, which are no other network.
  connection?.addEventListener('change', () => {
    if (connection.type === type) return;
    type = connection.type;
    if (navigator.onLine) soon();
  });
}
