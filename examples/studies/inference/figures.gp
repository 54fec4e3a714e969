# The figures of docs/results/inference.md from what `inference_study bias REPEATS THREADS FOLDER` wrote:
#     gnuplot -e "folder='FOLDER'" examples/studies/inference/figures.gp        in the checkout's root
set terminal svg size 760,300 font 'sans-serif,11' background rgb 'white'
set style line 1 lc rgb '#c0392b' lw 2 pt 7 ps 0.6
set style line 2 lc rgb '#7f8c8d' lw 2 pt 5 ps 0.6
set style line 3 lc rgb '#1f6fb2' lw 2 pt 9 ps 0.7

set output 'docs/results/inference-selectivity.svg'
set title 'Mean index of units that know nothing of the classes, max(0, normal)'
set xlabel 'classes x samples a class'
set yrange [-0.15:0.5]
set xzeroaxis lt -1
set key outside right top
set xtics rotate by -35
set grid ytics lc rgb '#dddddd'
set style data histograms
set style fill solid 0.9
set boxwidth 0.85
plot folder.'/selectivity_bias.txt' index 0 using 2:xtic(1) ls 1 title 'plain', \
     '' index 0 using 3 ls 2 title 'held out', '' index 0 using 4 ls 3 title 'cross-fit'

set output 'docs/results/inference-participation-ratio.svg'
set title 'Participation ratio of n samples of 200 units, spectra k^{-alpha}'
set xlabel 'samples'
set ylabel 'estimate / truth'
set logscale x
set xrange [17:2400]
set yrange [0:1.45]
unset xzeroaxis
set key outside right top
set xtics norotate
set boxwidth
plot 1 lt -1 notitle, \
     for [i=0:2] folder.'/participation_ratio_bias.txt' index i using 1:($2/$5) with linespoints ls 1 dt i+1 \
         title 'plain, alpha '.word('1 0.5 0', i+1), \
     for [i=0:2] '' index i using 1:($3/$5):($4/$5) with yerrorlines ls 3 dt i+1 title 'unbiased, alpha '.word('1 0.5 0', i+1)
