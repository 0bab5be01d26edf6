export type CallState = 'calling' | 'ringing' | 'incoming' | 'connecting' | 'active' | 'ended';
