/** What a lab says when something is not as a test wants it. */
import { TandemError } from '../base/errors.ts';

/** Its message ends with the time line around the failure, and the seed that shows it again. */
export class LabError extends TandemError {
  override readonly name = 'LabError';
}
