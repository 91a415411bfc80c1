namespace QLora.Tensors;

/// <summary>The extents of a tensor, outermost first; one to four of them, each at least zero. A value: comparing and copying is free of allocation.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly int _d0, _d1, _d2, _d3;

    /// <summary>A shape of the given extents.</summary>
    /// <exception cref="ArgumentException">There are none or more than four, or one is negative.</exception>
    public Shape(params ReadOnlySpan<int> extents)
    {
        if (extents.Length is 0 or > 4) throw new ArgumentException($"a shape has one to four extents, not {extents.Length}");
        foreach (var extent in extents)
        {
            if (extent < 0) throw new ArgumentException($"negative extent {extent}");
        }

        Rank = extents.Length;
        _d0 = extents[0];
        _d1 = Rank > 1 ? extents[1] : 1;
        _d2 = Rank > 2 ? extents[2] : 1;
        _d3 = Rank > 3 ? extents[3] : 1;
    }

    /// <summary>The number of extents.</summary>
    public int Rank { get; }

    /// <summary>The extent of one axis.</summary>
    public int this[int axis] => (uint)axis >= (uint)Rank
        ? throw new ArgumentOutOfRangeException(nameof(axis), axis, $"shape {this} has {Rank} axes")
        : axis switch { 0 => _d0, 1 => _d1, 2 => _d2, _ => _d3 };

    /// <summary>The number of elements.</summary>
    public long Count => (long)_d0 * _d1 * _d2 * _d3;

    /// <summary>The outermost extent.</summary>
    public int Rows => _d0;

    /// <summary>The product of all extents but the outermost: the row length of the tensor seen as a matrix.</summary>
    public int Columns => checked(_d1 * _d2 * _d3);

    /// <inheritdoc/>
    public bool Equals(Shape other) => Rank == other.Rank && _d0 == other._d0 && _d1 == other._d1 && _d2 == other._d2 && _d3 == other._d3;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rank, _d0, _d1, _d2, _d3);

    /// <summary>Whether rank and every extent agree.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Whether rank or an extent differs.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>The extents as messages show them: <c>[2, 24, 64]</c>.</summary>
    public override string ToString() => Rank switch
    {
        1 => $"[{_d0}]",
        2 => $"[{_d0}, {_d1}]",
        3 => $"[{_d0}, {_d1}, {_d2}]",
        _ => $"[{_d0}, {_d1}, {_d2}, {_d3}]",
    };
}
