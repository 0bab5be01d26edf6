/** Who is behind which number of the ready-made server. */
import type { CallHandler } from '../../index.ts';
import { menu } from './menu.ts';
import { echo, file, music, notAvailable, type Prompts, recordAndPlayBack, type Service } from './services.ts';

const services: Readonly<Record<string, Service>> = {
  1000: menu,
  1003: music,
  600: echo,
  601: file,
  602: recordAndPlayBack,
};
/** Conference rooms: they answer and say that they are not available yet. */
const room = /^6(0[3-9]|[1-9]\d)$/;
/** Extensions of users, who cannot register yet. */
const user = /^50\d\d$/;

/** @param prompts path of a prompt by its name. */
export function dialPlan(prompts: Prompts): CallHandler {
  return async (call) => {
    const number = call.toUser ?? '';
    const service = Object.hasOwn(services, number) ? services[number] : room.test(number) ? notAvailable : undefined;
    if (service) await service(call, prompts);
    else if (user.test(number)) await call.reject(480, 'Users Not Available Yet');
    else await call.reject(404);
  };
}
