# Reads curves.csv (step, then the losses of bf16 and of each other run); prints
# a table, draws curves.svg beside it (lines: means of the last 20 steps), and
# exits with 1 when a bound does not hold. Variables: output, the folder.
#
# bounds: over the last 50 steps (a sixth of a shorter run), an FP8 run's mean
# loss is within 1.5% of bf16's; and bf16's has fallen by 3% since the first
# ones. A run of less than 100 steps is in its noisy beginning (single losses in
# FP8 differ by up to 8%, docs/fp8.md): its mean over all steps is within 4%.
BEGIN { FS = "," }
NR == 1 { for (i = 2; i <= NF; ++i) name[i] = $i; columns = NF; next }
{ for (i = 2; i <= NF; ++i) loss[i, NR - 1] = $i; rows = NR - 1 }

function mean(column, from, to,   i, sum) {
  if (from < 1) from = 1
  for (i = from; i <= to; ++i) sum += loss[column, i]
  return sum / (to - from + 1)
}

function complain(text) {
  print "[fp8_curves] " text > "/dev/stderr"
  bad = 1
}

function table(   i, window, first, reference, last, off, all, speed) {
  window = rows >= 300 ? 50 : int((rows + 5) / 6)
  first = mean(2, 1, window)
  reference = mean(2, rows - window + 1, rows)
  print "| run | first " window " steps | last " window " | against bf16 | tokens/s |"
  print "|---|---|---|---|---|"
  for (i = 2; i <= columns; ++i) {
    last = mean(i, rows - window + 1, rows)
    off = 100 * (last / reference - 1)
    all = 100 * (mean(i, 1, rows) / mean(2, 1, rows) - 1)
    getline speed < (output "/" name[i] ".speed")
    printf "| %s | %.4f | %.4f | %+.2f%% | %.0f |\n", name[i],
      mean(i, 1, window), last, off, speed
    if (rows >= 100 && (off > 1.5 || off < -1.5))
      complain(name[i] " is more than 1.5% away from bf16")
    if (rows < 100 && (all > 4 || all < -4))
      complain(name[i] " is more than 4% away from bf16 in " rows " steps")
  }
  if (rows >= 100 && reference > 0.97 * first)
    complain("the bf16 loss has not fallen by 3%")
}

# Greys and colours that are legible on white and on black.
function draw(file,   i, step, y, low, high, tick, colours, dash) {
  split("#888888 #d55e00 #0090d0 #00a070 #c060a0 #b09000", colours, " ")
  low = 1e9
  for (i = 2; i <= columns; ++i)
    for (step = 1; step <= rows; ++step) {
      y = mean(i, step - 19, step)
      if (y < low) low = y
      if (y > high) high = y
    }
  tick = 0.1
  while ((high - low) / tick > 8) tick *= 2
  low = int(low / tick) * tick
  high = (int(high / tick) + 1) * tick
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 730 400\"" \
    " font-family=\"sans-serif\" font-size=\"13\" fill=\"#888888\">" > file
  for (y = low; y < high + tick / 2; y += tick)
    printf "<path d=\"M50 %.1fH710\" stroke=\"#888888\" stroke-opacity=\"0.3\"/>" \
      "<text x=\"44\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n",
      high_to(y, low, high), high_to(y, low, high) + 4, y > file
  for (step = 0; step <= rows; step += rows > 60 ? 50 : 10)
    printf "<text x=\"%.1f\" y=\"378\" text-anchor=\"middle\">%d</text>\n",
      50 + 660 * step / rows, step > file
  print "<text x=\"380\" y=\"396\" text-anchor=\"middle\">step of 256 tokens" \
    " (loss, mean of the last 20 steps)</text>" > file
  for (i = 2; i <= columns; ++i) {
    printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" points=\"",
      colours[i - 1], i == 2 ? 3 : 1.5 > file
    for (step = 1; step <= rows; ++step)
      printf "%.1f,%.1f ", 50 + 660 * step / rows,
        high_to(mean(i, step - 19, step), low, high) > file
    printf "\"/>\n<text x=\"520\" y=\"%d\" fill=\"%s\">%s</text>\n",
      14 + 17 * (i - 1), colours[i - 1], name[i] > file
  }
  print "</svg>" > file
}

function high_to(y, low, high) { return 10 + 350 * (high - y) / (high - low) }

END {
  table()
  draw(output "/curves.svg")
  exit bad
}
