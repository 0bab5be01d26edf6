/** How many messages wait, as phones show it (RFC 3842). */
export const messageSummaryType = 'application/simple-message-summary';

export interface MessageCounts {
  readonly new: number;
  readonly saved: number;
}

/** @param account the URI of the mailbox, if it is to be said */
export function printMessageSummary(counts: MessageCounts, account?: string): string {
  const lines = [
    `Messages-Waiting: ${counts.new > 0 ? 'yes' : 'no'}`,
    ...(account === undefined ? [] : [`Message-Account: ${account}`]),
    // The urgent ones are in parentheses; nobody can say here that a message is.
    `Voice-Message: ${counts.new}/${counts.saved} (0/0)`,
  ];
  return `${lines.join('\r\n')}\r\n`;
}
