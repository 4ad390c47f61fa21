// SPDX-License-Identifier: GPL-2.0-only
/* The screen of grainctl top. Everything that is drawn is printable ASCII by now. */
#include <ctype.h>
#include <curses.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <grain/error.h>

#include "say.h"
#include "stop.h"
#include "table.h"
#include "top.h"

#define FILTER_MAX 64
#define ESCAPE     27

struct screen {
    struct top *top;
    enum top_sort sort;
    uint64_t interval;
    uint64_t due; /* clock_now() of the next reading */
    size_t first; /* row at the upper edge */
    bool paused, typing, quit;
    char filter[FILTER_MAX];
    char problem[256]; /* why there is nothing to see; empty: nothing is wrong */
};

static SCREEN *terminal;

/* Also when the program ends for lack of memory. */
static void restore(void)
{
    if (!terminal)
        return;
    endwin();
    delscreen(terminal);
    terminal = NULL;
}

static bool matches(const struct screen *screen, const struct top_row *row)
{
    return !*screen->filter || strcasestr(row->name, screen->filter);
}

static size_t matching(const struct screen *screen)
{
    size_t count = 0;

    for (size_t i = 0; i < screen->top->rows.count; i++)
        count += matches(screen, &screen->top->rows.list[i]);
    return count;
}

static size_t lines_of_rows(void)
{
    return LINES > 4 ? (size_t)LINES - 4 : 0;
}

/* A line cut at the right edge; what is behind it is cleared. */
static void put_line(int y, attr_t attributes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_line(int y, attr_t attributes, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (y >= LINES || COLS < 1)
        return;
    attrset(attributes);
    move(y, 0);
    clrtoeol();
    addnstr(text, COLS);
    if (attributes & A_REVERSE)
        for (int x = (int)strlen(text); x < COLS; x++)
            addch(' ');
    attrset(A_NORMAL);
}

static void draw_title(const struct screen *screen)
{
    static const char *const sorts[] = {"count", "rate", "name", "last seen"};
    const struct top *top = screen->top;
    char time[32], total[COUNT_TEXT_MAX], packets[COUNT_TEXT_MAX];

    put_line(0, A_BOLD, "%s  %s  by %s%s", top_view_name(top->view),
             top_time(time, top->wall_ns, top->wall_ns), sorts[screen->sort],
             screen->paused ? "  PAUSED" : "");
    if (*screen->problem)
        put_line(1, A_NORMAL, "%s", screen->problem);
    else
        put_line(1, A_NORMAL, "%s packets, %s counted here, %zu of %zu rows%s%s",
                 count_text(packets, top->packets), count_text(total, top->total), matching(screen),
                 top->rows.count, *screen->filter ? ", filter " : "", screen->filter);
}

/* Where there is little room, names stay and times go. */
static bool with_times(void)
{
    return COLS >= 80;
}

static void draw_heading(const struct screen *screen)
{
    const char *times = with_times() ? "first      last       " : "";

    if (screen->top->view == TOP_DNS)
        put_line(2, A_REVERSE, "%10s %10s %9s %6s %s%s", "queries", "responses", "rate/s", "%",
                 times, "name");
    else if (screen->top->view == TOP_SNI)
        put_line(2, A_REVERSE, "%10s %9s %6s %s%s", "hellos", "rate/s", "%", times, "server name");
    else
        put_line(2, A_REVERSE, "%12s %15s %9s %6s %s", "packets", "bytes", "rate/s", "%",
                 "disposition");
}

static void times_text(char out[80], const struct top *top, const struct top_row *row)
{
    char first[32], last[32];

    *out = '\0';
    if (with_times())
        (void)snprintf(out, 80, "%-10s %-10s ", top_time(first, row->first_ns, top->wall_ns),
                       top_time(last, row->last_ns, top->wall_ns));
}

static void draw_row(const struct screen *screen, int y, const struct top_row *row)
{
    const struct top *top = screen->top;
    char one[COUNT_TEXT_MAX], two[COUNT_TEXT_MAX], rate[32], times[80];

    times_text(times, top, row);
    if (top->view == TOP_DNS)
        put_line(y, A_NORMAL, "%10s %10s %9s %6.1f %s%s", count_text(one, row->queries),
                 count_text(two, row->responses), top_rate(rate, row->rate), 100 * row->share,
                 times, row->name);
    else if (top->view == TOP_SNI)
        put_line(y, A_NORMAL, "%10s %9s %6.1f %s%s", count_text(one, row->queries),
                 top_rate(rate, row->rate), 100 * row->share, times, row->name);
    else
        put_line(y, A_NORMAL, "%12s %15s %9s %6.1f %-18s %s", count_text(one, row->count),
                 count_text(two, row->bytes), top_rate(rate, row->rate), 100 * row->share,
                 row->name, row->detail);
}

static void draw_rows(struct screen *screen)
{
    const struct top_rows *rows = &screen->top->rows;
    size_t lines = lines_of_rows(), count = matching(screen), drawn = 0, skip;

    if (screen->first + lines > count)
        screen->first = count > lines ? count - lines : 0;
    skip = screen->first;
    for (size_t i = 0; i < rows->count && drawn < lines; i++) {
        if (!matches(screen, &rows->list[i]) || (skip && skip--))
            continue;
        draw_row(screen, (int)(3 + drawn++), &rows->list[i]);
    }
}

static void draw(struct screen *screen)
{
    erase();
    draw_title(screen);
    draw_heading(screen);
    draw_rows(screen);
    if (screen->typing)
        put_line(LINES - 1, A_BOLD, "filter: %s_   (Enter: keep, Esc: none)", screen->filter);
    else
        put_line(LINES - 1, A_DIM,
                 "q quit  Tab view  c count  r rate  n name  l last  / filter  Space pause");
    refresh();
}

static void type(struct screen *screen, int key)
{
    size_t length = strlen(screen->filter);

    if (key == '\n' || key == '\r' || key == KEY_ENTER || key == ESCAPE) {
        screen->typing = false;
        if (key == ESCAPE)
            *screen->filter = '\0';
        return;
    }
    if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length)
        screen->filter[length - 1] = '\0';
    else if (key < 128 && isgraph(key) && length + 1 < sizeof(screen->filter))
        memcpy(screen->filter + length, (const char[]){(char)key, '\0'}, 2);
}

static void scroll_by(struct screen *screen, ptrdiff_t rows)
{
    ptrdiff_t first = (ptrdiff_t)screen->first + rows;

    /* Too far down is put right when the rows are drawn. */
    screen->first = first > 0 ? (size_t)first : 0;
}

static void sort_by(struct screen *screen, enum top_sort sort)
{
    screen->sort = sort;
    screen->first = 0;
    top_sort(screen->top, sort);
}

static void turn(struct screen *screen)
{
    top_turn(screen->top, (screen->top->view + 1) % (TOP_DISPOSITIONS + 1));
    screen->first = 0;
    screen->paused = false;
    screen->due = 0;
}

static void move_key(struct screen *screen, int key)
{
    ptrdiff_t page = (ptrdiff_t)lines_of_rows();

    if (key == KEY_UP || key == 'k')
        scroll_by(screen, -1);
    else if (key == KEY_DOWN || key == 'j')
        scroll_by(screen, 1);
    else if (key == KEY_PPAGE)
        scroll_by(screen, -page);
    else if (key == KEY_NPAGE)
        scroll_by(screen, page);
    else if (key == KEY_HOME)
        screen->first = 0;
    else if (key == KEY_END)
        screen->first = screen->top->rows.count;
}

static void press(struct screen *screen, int key)
{
    static const char sorts[] = "crnl"; /* by enum top_sort */
    const char *sort = key > 0 && key < 128 ? strchr(sorts, key) : NULL;

    if (key == KEY_RESIZE)
        return;
    if (screen->typing)
        type(screen, key);
    else if (sort)
        sort_by(screen, (enum top_sort)(sort - sorts));
    else if (key == 'q' || key == 'Q')
        screen->quit = true;
    else if (key == '\t')
        turn(screen);
    else if (key == '/')
        screen->typing = true;
    else if (key == ESCAPE)
        *screen->filter = '\0';
    else if (key == ' ')
        screen->paused = !screen->paused;
    else
        move_key(screen, key);
}

static void read_again(struct screen *screen)
{
    uint64_t start = clock_now();

    *screen->problem = '\0';
    screen->due = start + screen->interval;
    if (top_read(screen->top)) {
        char *escaped = escape_text(grain_error());

        (void)snprintf(screen->problem, sizeof(screen->problem), "%s", escaped);
        free(escaped);
    } else {
        screen->due = top_due(screen->top, screen->interval);
    }
    top_sort(screen->top, screen->sort);
}

static bool terminal_open(void)
{
    terminal = newterm(NULL, stdout, stdin);
    if (!terminal)
        return false;
    (void)atexit(restore);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(50);
    curs_set(0);
    return true;
}

static void run(struct screen *screen)
{
    int key;

    while (!screen->quit && !stop_requested()) {
        bool reads = !screen->paused;

        if (reads && clock_now() >= screen->due)
            read_again(screen);
        draw(screen);
        if (!stop_wait_input(reads ? screen->due : UINT64_MAX, STDIN_FILENO))
            break;
        while ((key = getch()) != ERR)
            press(screen, key);
    }
}

int top_screen(struct top *top, uint64_t interval_ns)
{
    struct screen screen = {.top = top, .interval = interval_ns};

    stop_prepare();
    if (!terminal_open()) {
        say("cannot use this terminal (TERM is \"%s\"); --once prints the list",
            getenv("TERM") ? getenv("TERM") : "");
        return -ENOTTY;
    }
    run(&screen);
    restore();
    return 0;
}
