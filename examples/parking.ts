/**
 * An office that parks calls. Users call each other; who transfers a call to 700 has it parked, and anybody who calls
 * its slot, 701 to 720, fetches it. After a minute it rings again where it was parked from.
 *
 *   npx tandem serve examples/parking.ts --config tandem.yaml
 */
import type { DialogServerSession, Tandem } from 'tandem';

export default async function office(call: DialogServerSession, tandem: Tandem): Promise<void> {
  const lot = tandem.parkingLot('main', { slots: { first: 701, last: 720 }, timeout: 60_000 });
  const number = call.toUser ?? '';

  if (number === '700') {
    const { end, slot } = await lot.park(call, {
      onParked: (at) => console.log(`${call.fromUser} is parked at ${at}`),
    });
    console.log(`${call.fromUser} left ${slot ?? 'no slot'}: ${end}`);
  } else if (lot.has(Number(number))) {
    await lot.retrieve(Number(number), call); // 404 when nobody waits there
  } else {
    // A transfer to 700 is a call to ourselves, which comes in above.
    call.onRefer = (refer) => refer.execute();
    const phone = await call.invite(tandem.registrar?.lookup(number) ?? [], { transcode: true });
    phone.onRefer = call.onRefer;
    await using bridge = await tandem.bridge(call, phone, { transcode: true });
    await bridge.ended;
  }
}
