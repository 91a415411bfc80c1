using System.Globalization;
using System.Text;

namespace QLora.Text.Tokenizers;

/// <summary>
/// Unicode's normalization form C. <see cref="string.Normalize()"/> leaves texts as they are where globalization is invariant, as it must be here to run without the
/// ICU libraries.
/// </summary>
internal static class CanonicalComposition
{
    private const int FirstCombining = 0x300;
    private const int HangulFirst = 0xAC00, HangulLast = 0xD7A3, LeadFirst = 0x1100, LeadLast = 0x1112;
    private const int VowelFirst = 0x1161, VowelLast = 0x1175, TailBase = 0x11A7, TailLast = 0x11C2;
    private const int VowelCount = 21, TailCount = 28;

    private static readonly Lazy<Forms> Tables = new(Forms.Read);

    /// <summary>The composed form.</summary>
    public static Piece Compose(Piece piece)
    {
        if (!piece.Span.ContainsAnyInRange((char)FirstCombining, char.MaxValue)) return piece;
        var forms = Tables.Value;
        var builder = new AlignedTextBuilder(piece);
        var changed = false;
        var kept = 0;
        for (int start = 0, end; start < piece.Length; start = end)
        {
            var count = NextCluster(forms, piece.Span[start..], out var mayChange);
            end = start + count;
            if (!mayChange) continue;
            var composed = ComposeCluster(forms, piece.Span[start..end]);
            if (piece.Span[start..end].SequenceEqual(composed)) continue;
            builder.Keep(kept, start);
            builder.Replace(start, end, composed);
            (changed, kept) = (true, end);
        }

        if (!changed) return piece;
        builder.Keep(kept, piece.Length);
        return builder.Build();
    }

    /// <summary>The length of the characters at the front that nothing behind them can reach: a starter, and what may combine with it.</summary>
    private static int NextCluster(Forms forms, ReadOnlySpan<char> text, out bool mayChange)
    {
        var first = RuneAt(text, 0, out var length);
        mayChange = forms.ChangesAlone.Contains(first) || forms.ClassOf(first) != 0;
        while (length < text.Length)
        {
            var next = RuneAt(text, length, out var count);
            if (next < FirstCombining || !forms.CombinesWithPrevious(next)) break;
            mayChange = true;
            length += count;
        }

        return length;
    }

    private static string ComposeCluster(Forms forms, ReadOnlySpan<char> cluster)
    {
        var runes = new List<int>();
        for (int i = 0, count; i < cluster.Length; i += count) Decompose(forms, RuneAt(cluster, i, out count), runes);
        Reorder(forms, runes);
        Compose(forms, runes);
        var text = new StringBuilder();
        foreach (var rune in runes)
        {
            // Half a surrogate pair is no rune, and stays what it is.
            if (Rune.IsValid(rune)) text.Append(new Rune(rune).ToString());
            else text.Append((char)rune);
        }

        return text.ToString();
    }

    private static void Decompose(Forms forms, int rune, List<int> into)
    {
        if (rune is >= HangulFirst and <= HangulLast)
        {
            var index = rune - HangulFirst;
            into.Add(LeadFirst + index / (VowelCount * TailCount));
            into.Add(VowelFirst + index % (VowelCount * TailCount) / TailCount);
            if (index % TailCount != 0) into.Add(TailBase + index % TailCount);
        }
        else if (forms.Decompositions.TryGetValue(rune, out var parts))
        {
            foreach (var part in parts) Decompose(forms, part, into);
        }
        else
        {
            into.Add(rune);
        }
    }

    /// <summary>Sorts each run of combining characters by class; those of one class keep their order.</summary>
    private static void Reorder(Forms forms, List<int> runes)
    {
        for (int start = 0, end; start < runes.Count; start = end + 1)
        {
            end = start;
            while (end < runes.Count && forms.ClassOf(runes[end]) != 0) end++;
            if (end - start < 2) continue;
            var sorted = runes.GetRange(start, end - start).OrderBy(forms.ClassOf).ToList();
            for (var i = start; i < end; i++) runes[i] = sorted[i - start];
        }
    }

    private static void Compose(Forms forms, List<int> runes)
    {
        var written = 0;
        var starter = -1;
        var lastClass = 0;
        foreach (var rune in runes.ToArray())
        {
            var combiningClass = forms.ClassOf(rune);

            // What stands between the starter and this rune blocks it, unless all of it has a lower class.
            var blocked = written - 1 > starter && lastClass >= combiningClass;
            if (starter >= 0 && !blocked && PairOf(forms, runes[starter], rune) is { } composed)
            {
                runes[starter] = composed;
                continue;
            }

            if (combiningClass == 0) starter = written;
            lastClass = combiningClass;
            runes[written++] = rune;
        }

        runes.RemoveRange(written, runes.Count - written);
    }

    private static int? PairOf(Forms forms, int first, int second)
    {
        if (first is >= LeadFirst and <= LeadLast && second is >= VowelFirst and <= VowelLast)
        {
            return HangulFirst + ((first - LeadFirst) * VowelCount + second - VowelFirst) * TailCount;
        }

        if (first is >= HangulFirst and <= HangulLast && (first - HangulFirst) % TailCount == 0 && second is > TailBase and <= TailLast) return first + second - TailBase;
        return forms.Compositions.TryGetValue((first, second), out var composed) ? composed : null;
    }

    private static int RuneAt(ReadOnlySpan<char> text, int at, out int length)
    {
        var pair = char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]);
        length = pair ? 2 : 1;
        return pair ? char.ConvertToUtf32(text[at], text[at + 1]) : text[at];
    }

    /// <summary>CanonicalForms.txt, which says what its lines mean.</summary>
    private sealed class Forms
    {
        private readonly Dictionary<int, int> _classes = [];
        private readonly HashSet<int> _seconds = [];

        public Dictionary<int, int[]> Decompositions { get; } = [];

        public Dictionary<(int First, int Second), int> Compositions { get; } = [];

        /// <summary>Characters whose composed form is another one, whatever stands beside them.</summary>
        public HashSet<int> ChangesAlone { get; } = [];

        public int ClassOf(int rune) => rune < FirstCombining ? 0 : _classes.GetValueOrDefault(rune);

        public bool CombinesWithPrevious(int rune)
        {
            while (Decompositions.TryGetValue(rune, out var parts)) rune = parts[0];
            return rune is (>= VowelFirst and <= VowelLast) or (> TailBase and <= TailLast) || ClassOf(rune) != 0 || _seconds.Contains(rune);
        }

        public static Forms Read()
        {
            using var reader = new StreamReader(typeof(Forms).Assembly.GetManifestResourceStream("CanonicalForms.txt")!);
            var forms = new Forms();
            var section = 0;
            while (reader.ReadLine() is { } line)
            {
                var fields = line.Split(' ');
                if (line.StartsWith('#')) continue;
                if (line.Length == 0) section++;
                else if (section == 0) forms.AddClass(int.Parse(fields[0], CultureInfo.InvariantCulture), fields[1].Split('-'));
                else forms.AddDecomposition(Parse(fields[0]), fields[1] == "=", [.. fields[2..].Select(Parse)]);
            }

            return forms;
        }

        private void AddClass(int combiningClass, string[] range)
        {
            for (var rune = Parse(range[0]); rune <= Parse(range[^1]); rune++) _classes[rune] = combiningClass;
        }

        private void AddDecomposition(int rune, bool composes, int[] parts)
        {
            Decompositions[rune] = parts;
            if (!composes)
            {
                ChangesAlone.Add(rune);
                return;
            }

            Compositions[(parts[0], parts[1])] = rune;
            _seconds.Add(parts[1]);
        }

        private static int Parse(string hexadecimal) => int.Parse(hexadecimal, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
