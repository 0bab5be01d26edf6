#!/usr/bin/env bash
# Makes prompts/**/*.wav anew, or only those that are named: speech by espeak-ng, tones and music by sox. 8 kHz, mono, 16-bit PCM, -20 dBFS RMS.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in espeak-ng sox; do
  command -v "$tool" >/dev/null || { echo "make-prompts: $tool is missing (apt-get install espeak-ng sox)" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p prompts/digits
only=" $* "

# wanted <name>
wanted() { [ "$only" = "  " ] || [[ "$only" == *" $1 "* ]]; }

# level <in> <out>: brings the RMS to -20 dBFS and makes the format of the prompts.
level() {
  local rms gain
  rms=$(sox "$1" -n stat 2>&1 | awk '/RMS.*amplitude/ { print $3 }')
  gain=$(awk -v rms="$rms" 'BEGIN { printf "%.3f", -20 - 20 * log(rms) / log(10) }')
  sox -D "$1" -r 8000 -c 1 -b 16 -e signed-integer "$2" gain "$gain"
}

# say <name> <text>
say() {
  wanted "$1" || return 0
  espeak-ng -v en-us+f3 -s 150 -p 45 -g 2 -w "$work/say.wav" "$2"
  # Telephone band, and no more silence at the ends than a breath.
  sox "$work/say.wav" -r 8000 -c 1 -b 16 "$work/band.wav" gain -6 rate -h 8000 sinc 200-3500 \
    silence 1 0.02 0.2% reverse silence 1 0.02 0.2% reverse pad 0.1 0.15
  level "$work/band.wav" "prompts/$1.wav"
}

say welcome "Welcome to Tandem. Press 1 for a message, 2 to record, 3 for echo, 4 for the conference, hash to hang up."
say message "This is a message from your Tandem server. Your call is up, and sound comes through. Enjoy your day."
say record "Record after the tone. Press hash to end."
say goodbye "Thank you for calling. Goodbye."
say no-input "I did not hear you."
say wrong-input "That is not one of the choices."
say echo "You are connected to the echo. Speak, and you will hear yourself."
say not-available "This service is not available."
say conference "You are joining the conference. Press hash to leave."

digits=(zero one two three four five six seven eight nine)
for digit in "${!digits[@]}"; do say "digits/$digit" "${digits[$digit]}"; done
say queue-position "You are in line. Your number is"

say parking-slot "This call is parked at"

say vm-greeting "The person you have called is not available. Please leave a message after the tone. Press hash to end."
say vm-kept "Your message has been kept."
say vm-too-short "Your message is too short."
say vm-cannot-keep "Your message cannot be kept. Please call again later."
say vm-code "Please enter your code, then press hash."
say vm-wrong-code "That code is wrong."
say vm-new-messages "Number of new messages"
say vm-saved-messages "Number of saved messages"
say vm-menu "Press 1 for new messages, 2 for saved messages, 3 for your greeting, hash to hang up."
say vm-no-more "There are no more messages."
say vm-message-menu "Press 1 to hear it again, 2 for the next message, 3 to delete it, 4 to save it, 5 for the time of the call, 6 to call back, star for the menu."
say vm-deleted "The message is deleted."
say vm-saved "The message is saved."
say vm-from "From number"
say vm-at "Received at"
say vm-days-ago "Number of days ago"
say vm-greeting-menu "Press 1 to hear your greeting, 2 to record it, 3 to remove it, star for the menu."
say vm-greeting-removed "Your greeting is removed."

wanted beep || wanted music || exit 0
sox -n -r 8000 -c 1 -b 16 "$work/beep.wav" synth 0.4 sine 1000 gain -12 fade t 0.01 0.4 0.01
level "$work/beep.wav" prompts/beep.wav

# Music on hold: four chords, plucked, twice over; it ends as it begins, so it can be looped.
chord() { # <out> <root> <third> <fifth> <octave>
  local i=0 note
  for note in "$2" "$4" "$5" "$3" "$4" "$5" "$3" "$4"; do
    sox -R -n -r 8000 -c 1 -b 16 "$work/note$i.wav" synth 0.3125 pluck "$note" gain -8 fade 0.002 0.3125 0.06
    i=$((i + 1))
  done
  sox "$work"/note[0-7].wav "$work/melody.wav"
  sox -R -n -r 8000 -c 1 -b 16 "$work/bed.wav" synth 2.5 sine "$2" synth 2.5 sine mix "$3" synth 2.5 sine mix "$4" \
    gain -18 fade t 0.25 2.5 0.25
  sox -m -v 1 "$work/melody.wav" -v 0.5 "$work/bed.wav" "$1"
}
chord "$work/c1.wav" C4 E4 G4 C5
chord "$work/c2.wav" A3 C4 E4 A4
chord "$work/c3.wav" F3 A3 C4 F4
chord "$work/c4.wav" G3 B3 D4 G4
sox "$work"/c[1-4].wav "$work"/c[1-4].wav "$work/music.wav" lowpass 3200
level "$work/music.wav" prompts/music.wav

for file in prompts/*.wav prompts/digits/*.wav; do
  printf '%-28s %6.2f s  %s\n' "$file" "$(soxi -D "$file")" \
    "$(sox "$file" -n stats 2>&1 | awk '/Pk lev dB|RMS lev dB/ { printf "%s %s %s dB  ", $1, $2, $NF }')"
done
