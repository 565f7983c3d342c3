"""Events, in the order in which they were committed.

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-30 11:00:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'event',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('id', sa.String(length=40), nullable=False),
        sa.Column('position', sa.BigInteger(), nullable=True),
        sa.Column('type', sa.String(length=40), nullable=False),
        sa.Column('serial', sa.BigInteger(), nullable=True),
        sa.Column('act_id', sa.String(length=40), nullable=True),
        sa.Column('occurred_at', sa.BigInteger(), nullable=False),
        sa.Column('recorded_at', sa.BigInteger(), nullable=False),
        sa.Column('generation', sa.BigInteger(), nullable=False),
        sa.Column('data', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('seq', name=op.f('pk_event')),
        sa.UniqueConstraint('id', name=op.f('uq_event_id')),
    )
    op.create_index(
        'ix_event_position',
        'event',
        ['position'],
        unique=False,
        sqlite_where=sa.text('position IS NOT NULL'),
        postgresql_where=sa.text('position IS NOT NULL'),
    )
    op.add_column('deployment', sa.Column('events_from', sa.BigInteger(), server_default='0', nullable=False))


def downgrade():
    op.drop_column('deployment', 'events_from')
    op.drop_index('ix_event_position', table_name='event')
    op.drop_table('event')
